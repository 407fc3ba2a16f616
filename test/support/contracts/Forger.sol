// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// Writes logs that look like a token's, from its own address.
contract Forger {
    event Transfer(address indexed from, address indexed to, uint256 value);

    function forge(address from, address to, uint256 value) external {
        emit Transfer(from, to, value);
    }
}
