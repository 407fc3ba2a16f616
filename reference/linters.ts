import { createConfig, lintFromString } from '@redocly/openapi-core'
import { Validator } from '@seriousme/openapi-schema-validator'
import { type RulesetDefinition, Spectral } from '@stoplight/spectral-core'
import { oas } from '@stoplight/spectral-rulesets'

/** What a linter says of the OpenAPI document, error or warning. */
export type Finding = {
  /** The linter and its rule, such as `spectral info-contact`. */
  rule: string
  /** What is wrong, and where. */
  text: string
}

/** Asks a validator, all of Spectral's rules for OpenAPI, and Redocly's recommended ones. They read nothing else. */
export async function findingsOf(document: string): Promise<Finding[]> {
  return [...(await validate(document)), ...(await askSpectral(document)), ...(await askRedocly(document))]
}

async function validate(document: string): Promise<Finding[]> {
  const { valid, errors = [] } = await new Validator().validate(JSON.parse(document))
  return valid ? [] : [{ rule: 'validator openapi-schema', text: JSON.stringify(errors) }]
}

async function askSpectral(document: string): Promise<Finding[]> {
  const spectral = new Spectral()
  // The rules and the type for rules come from two packages, which have drifted apart.
  spectral.setRuleset({ extends: [[oas as RulesetDefinition, 'all']] })
  const found = await spectral.run(document)
  return found.map(({ code, message, path }) => ({ rule: `spectral ${code}`, text: `${message} (${path.join('/')})` }))
}

async function askRedocly(document: string): Promise<Finding[]> {
  const config = await createConfig({ extends: ['recommended'] })
  const found = await lintFromString({ source: document, absoluteRef: 'openapi.json', config })
  return found.map(({ ruleId, message, location: [place] }) => ({
    rule: `redocly ${ruleId}`,
    text: `${message} (${place?.pointer ?? ''})`,
  }))
}
