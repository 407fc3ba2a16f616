// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC7821} from "@openzeppelin/contracts/account/extensions/draft-ERC7821.sol";

/// What an account of the sandbox delegates to (EIP-7702) to make several calls in one transaction of its own.
contract SandboxAccount is ERC7821 {
    receive() external payable {}
}
