// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// Says "no" by its return value, as old tokens do: the transaction succeeds, and nothing moves.
contract FalseToken {
    mapping(address => uint256) public balanceOf;

    function transfer(address, uint256) external pure returns (bool) {
        return false;
    }
}
