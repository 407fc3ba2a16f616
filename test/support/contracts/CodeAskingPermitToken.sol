// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

/// Has EIP-2612 permits of keys, and a second function for those of contracts.
contract CodeAskingPermitToken is ERC20, ERC20Permit {
    bytes32 private constant PERMIT =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");

    constructor(address holder, uint256 supply) ERC20("Asking Permit", "ASP") ERC20Permit("Asking Permit") {
        _mint(holder, supply);
    }

    function decimals() public pure override returns (uint8) {
        return 6;
    }

    function permit(address owner, address spender, uint256 value, uint256 deadline, bytes calldata signature) external {
        require(block.timestamp <= deadline, "the permit has ended");
        bytes32 hash =
            _hashTypedDataV4(keccak256(abi.encode(PERMIT, owner, spender, value, _useNonce(owner), deadline)));
        require(SignatureChecker.isValidSignatureNowCalldata(owner, hash, signature), "the account has not signed this");
        _approve(owner, spender, value);
    }
}
