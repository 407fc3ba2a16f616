// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

/// Says that it takes authorizations; then its fallback takes whatever comes, and nothing moves.
contract LyingToken is ERC20, EIP712 {
    constructor(address holder, uint256 supply) ERC20("Lying", "LIE") EIP712("Lying", "1") {
        _mint(holder, supply);
    }

    function decimals() public pure override returns (uint8) {
        return 6;
    }

    function authorizationState(address, bytes32) external pure returns (bool) {
        return false;
    }

    fallback() external payable {}
}
