// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

interface Token {
    function balanceOf(address account) external view returns (uint256);
    function transferFrom(address from, address to, uint256 units) external returns (bool);
}

/// Makes one transfer while it is created, and leaves no code behind. Made by CREATE2, its address follows from this code
/// and these arguments: whoever permits that address to take a token permits this transfer, once, and nothing else.
contract OneTransfer {
    constructor(address token, address from, address to, uint256 units) {
        (bool succeeded, bytes memory answer) = token.call(abi.encodeCall(Token.transferFrom, (from, to, units)));
        require(succeeded && (answer.length == 0 || abi.decode(answer, (bool))), "the token refuses the transfer");
        assembly {
            return(0, 0)
        }
    }
}

/// Hands in a permit and makes the transfer that it is for, in one transaction.
contract PermitThenTransfer {
    constructor(address token, bytes memory permit, address deployer, bytes memory transfer) {
        // A permit that somebody else was quicker to hand in has done its work: the transfer tells.
        (bool permitted,) = token.call(permit);
        (bool transferred,) = deployer.call(transfer);
        require(transferred, permitted ? "the token refuses the transfer" : "the token refuses the permit");
        assembly {
            return(0, 0)
        }
    }
}

/// Is never sent: as a call that nobody keeps, it answers what another call would bring an account.
contract Rehearsal {
    constructor(address token, address account, address to, bytes memory data) {
        uint256 units = Token(token).balanceOf(account);
        (bool succeeded, bytes memory answer) = to.call(data);
        assembly {
            if iszero(succeeded) { revert(add(answer, 32), mload(answer)) }
        }
        units = Token(token).balanceOf(account) - units;
        assembly {
            mstore(0, units)
            return(0, 32)
        }
    }
}
