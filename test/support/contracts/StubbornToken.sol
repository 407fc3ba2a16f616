// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// Changes an allowance only from or to zero, as the oldest dollar token does. The deployer starts with all of it.
contract StubbornToken is ERC20 {
    constructor(uint256 supply) ERC20("Stubborn", "STB") {
        _mint(msg.sender, supply);
    }

    function decimals() public pure override returns (uint8) {
        return 6;
    }

    function approve(address spender, uint256 units) public override returns (bool) {
        require(units == 0 || allowance(msg.sender, spender) == 0, "from or to zero only");
        return super.approve(spender, units);
    }
}
