// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// A contract wallet: what its owner signs, it has signed, and it does what its owner says. Its signatures end with the owner's;
/// what stands before that is left aside. The empty signature is one of what the owner has approved.
contract SignerWallet is IERC1271 {
    address private immutable _owner;
    mapping(bytes32 hash => bool) private _approved;

    constructor(address owner) {
        _owner = owner;
    }

    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        bool isValid = signature.length == 0
            ? _approved[hash]
            : ECDSA.recover(hash, signature[signature.length - 65:]) == _owner;
        return isValid ? IERC1271.isValidSignature.selector : bytes4(0xffffffff);
    }

    function approve(bytes32 hash) external {
        require(msg.sender == _owner, "only the owner says what to do");
        _approved[hash] = true;
    }

    function execute(address target, bytes calldata data) external {
        require(msg.sender == _owner, "only the owner says what to do");
        Address.functionCall(target, data);
    }

    /// `undone`: made, and taken back again.
    struct Call {
        address target;
        uint256 value;
        bytes data;
        bool undone;
    }

    function executeAll(Call[] calldata calls) external {
        require(msg.sender == _owner, "only the owner says what to do");
        for (uint256 i = 0; i < calls.length; i++) {
            try this.make(calls[i]) {} catch {
                require(calls[i].undone, "a call failed");
            }
        }
    }

    function make(Call calldata call) external {
        require(msg.sender == address(this), "only the wallet itself makes calls");
        (bool ok,) = call.target.call{value: call.value}(call.data);
        require(ok && !call.undone, "the call failed, or is taken back");
    }

    receive() external payable {}
}
