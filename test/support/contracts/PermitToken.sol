// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// Has EIP-2612 permits, and no authorizations.
contract PermitToken is ERC20, ERC20Permit {
    constructor(address holder, uint256 supply) ERC20("Permit", "PMT") ERC20Permit("Permit") {
        _mint(holder, supply);
    }

    function decimals() public pure override returns (uint8) {
        return 6;
    }
}
