// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC7821} from "@openzeppelin/contracts/account/extensions/draft-ERC7821.sol";
import {SignerEIP7702} from "@openzeppelin/contracts/utils/cryptography/signers/SignerEIP7702.sol";

/// What an account delegates to (EIP-7702) to make several calls in one transaction: its own, or that of anybody who
/// brings its signature.
contract SponsoredAccount is ERC7821, SignerEIP7702 {
    uint256 public sponsored;

    function executeSigned(bytes32 mode, bytes calldata executionData, bytes calldata signature) external {
        bytes32 hash = keccak256(abi.encode(block.chainid, address(this), sponsored++, mode, executionData));
        require(_rawSignatureValidation(hash, signature), "the account has not signed this batch");
        this.execute(mode, executionData);
    }

    receive() external payable {}
}
