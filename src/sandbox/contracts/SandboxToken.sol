// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";
import {ShortString, ShortStrings} from "@openzeppelin/contracts/utils/ShortStrings.sol";

/// A token of the sandbox, which moves by signature as the real USDC does. All that the constructor sets is immutable,
/// so the deployed code works at any address.
contract SandboxToken is ERC20, ERC20Permit, ERC3009 {
    using ShortStrings for *;

    ShortString private immutable _shortName;
    ShortString private immutable _shortSymbol;
    uint8 private immutable _decimals;

    constructor(string memory name_, string memory symbol_, uint8 decimals_) ERC20("", "") ERC20Permit(name_) {
        _shortName = name_.toShortString();
        _shortSymbol = symbol_.toShortString();
        _decimals = decimals_;
    }

    function name() public view override returns (string memory) {
        return _shortName.toString();
    }

    function symbol() public view override returns (string memory) {
        return _shortSymbol.toString();
    }

    function decimals() public view override returns (uint8) {
        return _decimals;
    }

    /// Anybody may make as much as they like: it is play money.
    function mint(address[] calldata accounts, uint256 units) external {
        for (uint256 i = 0; i < accounts.length; i++) {
            _mint(accounts[i], units);
        }
    }
}
