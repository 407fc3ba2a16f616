// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// Keeps one percent of each transfer to a key, so that less arrives than was sent. Contracts get all, or no pool could hold it.
contract FeeToken is ERC20 {
    address private constant COLLECTOR = address(0xfee);

    constructor(uint256 supply) ERC20("Fee", "FEE") {
        _mint(msg.sender, supply);
    }

    function _update(address from, address to, uint256 units) internal override {
        uint256 fee = from == address(0) || to.code.length > 0 ? 0 : units / 100;
        if (fee > 0) super._update(from, COLLECTOR, fee);
        super._update(from, to, units - fee);
    }
}
