// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// Makes several calls in one transaction, as smart accounts do. It must hold the tokens, or be approved for them.
contract Batcher {
    struct Call {
        address target;
        bytes data;
    }

    function run(Call[] calldata calls) external {
        for (uint256 i = 0; i < calls.length; i++) {
            (bool ok,) = calls[i].target.call(calls[i].data);
            require(ok, "a call of the batch failed");
        }
    }
}
