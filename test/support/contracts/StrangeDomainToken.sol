// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// Would take permits, but signed in a domain that does not follow from its name.
contract StrangeDomainToken is ERC20 {
    mapping(address owner => uint256) public nonces;
    bytes32 public constant DOMAIN_SEPARATOR = keccak256("strange");

    constructor(address holder, uint256 supply) ERC20("Strange", "STR") {
        _mint(holder, supply);
    }

    function decimals() public pure override returns (uint8) {
        return 6;
    }
}
