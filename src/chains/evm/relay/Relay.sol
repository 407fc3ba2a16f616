// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

interface Token {
    function balanceOf(address account) external view returns (uint256);
    function transferFrom(address from, address to, uint256 units) external returns (bool);
    function authorizationState(address authorizer, bytes32 nonce) external view returns (bool);
    function nonces(address owner) external view returns (uint256);
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

/// Has signed whatever it is asked about (ERC-1271).
contract Agreeing {
    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        return this.isValidSignature.selector;
    }
}

/// Is never sent: as a call that nobody keeps, it answers whose signatures a token takes, and by which of its functions.
/// Bits of the answer: 0: by (v, r, s), a key's; 1: by bytes, a key's; 2 and 3: the same of an account that runs code and
/// agrees to everything. Each tries to move, or to permit, nothing.
contract SignatureProbe {
    address private constant NOBODY = address(0xdead);
    uint256 private constant END = type(uint32).max;
    uint256 private constant GAS = 500_000;

    constructor(address token, bool isPermit, address[2] memory keys, bytes[2] memory signatures) {
        uint256 takes;
        for (uint256 bit = 0; bit < 4; bit++) {
            bool isKey = bit < 2;
            address from = isKey ? keys[bit] : address(new Agreeing());
            bytes memory signature = isKey ? signatures[bit] : abi.encodePacked(uint256(1), uint256(1), uint8(27));
            if (isTaken(token, isPermit, bit % 2 == 1, from, signature)) takes |= 1 << bit;
        }
        assembly {
            mstore(0, takes)
            return(0, 32)
        }
    }

    function isTaken(address token, bool isPermit, bool isBytes, address from, bytes memory signature)
        private
        returns (bool)
    {
        bytes memory data = isPermit
            ? abi.encodeWithSignature(
                isBytes
                    ? "permit(address,address,uint256,uint256,bytes)"
                    : "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)",
                from, NOBODY, 0, END
            )
            : abi.encodeWithSignature(
                isBytes
                    ? "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)"
                    : "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)",
                from, NOBODY, 0, 0, END, bytes32(0)
            );
        (bool succeeded,) = token.call{gas: GAS}(bytes.concat(data, encoded(isBytes, data.length - 4, signature)));
        if (!succeeded) return false;
        return isPermit ? Token(token).nonces(from) == 1 : Token(token).authorizationState(from, 0);
    }

    /// What stands behind the other arguments, which take this many bytes.
    function encoded(bool isBytes, uint256 length, bytes memory signature) private pure returns (bytes memory) {
        if (isBytes) return abi.encodePacked(length + 32, signature.length, signature, new bytes(31));
        (bytes32 r, bytes32 s) = (bytes32(0), bytes32(0));
        assembly {
            r := mload(add(signature, 32))
            s := mload(add(signature, 64))
        }
        return abi.encode(uint8(signature[64]), r, s);
    }
}
