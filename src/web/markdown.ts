import { marked, type Token, type Tokens } from 'marked'

/** Text, or an element with its attributes and what is in it. What a page makes of it can hold no markup of its own. */
type Piece = string | [tag: string, attributes: Record<string, string>, ...inside: Piece[]]

/** What a page shows of a document: its elements, not its markup, so that no page makes elements of a string. */
export function piecesOf(markdown: string): Piece[] {
  return marked.lexer(markdown).flatMap(piecesOfToken)
}

function inside(tokens: Token[] | undefined): Piece[] {
  return (tokens ?? []).flatMap(piecesOfToken)
}

/** Inline tokens whose element is all that they are. */
const PLAIN: Record<string, string> = { paragraph: 'p', strong: 'strong', em: 'em', blockquote: 'blockquote' }

function piecesOfToken(token: Token): Piece[] {
  const plain = PLAIN[token.type]
  if (plain !== undefined) return [[plain, {}, ...inside(childrenOf(token))]]
  switch (token.type) {
    case 'heading':
      return [headingOf(token as Tokens.Heading)]
    case 'code':
      return [['pre', {}, token.text]]
    case 'codespan':
      return [['code', {}, token.text]]
    case 'link':
      return [linkOf(token as Tokens.Link)]
    case 'list':
      return [[token.ordered ? 'ol' : 'ul', {}, ...token.items.map(itemOf)]]
    case 'table':
      return [tableOf(token as Tokens.Table)]
    case 'text':
      return childrenOf(token) ? inside(childrenOf(token)) : [token.text]
    case 'escape':
      return [token.text]
    case 'space':
      return []
    default:
      throw new Error(`no page can show ${token.type}: ${token.raw}`)
  }
}

function childrenOf(token: Token): Token[] | undefined {
  return 'tokens' in token ? token.tokens : undefined
}

function itemOf(item: Tokens.ListItem): Piece {
  return ['li', {}, ...inside(item.tokens)]
}

/** One lower than in the document: the page has a title of its own. */
function headingOf({ depth, text, tokens }: Tokens.Heading): Piece {
  return [`h${depth + 1}`, { id: slug(text) }, ...inside(tokens)]
}

/** As code hosts make it of a heading. */
function slug(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s-]/gu, '')
    .replaceAll(/\s/g, '-')
}

/** Guides lead to each other and away; to the other documents no page leads. */
function linkOf({ href, tokens }: Tokens.Link): Piece {
  if (/^https?:/.test(href)) return ['a', { href, rel: 'noreferrer' }, ...inside(tokens)]
  const [, guide, part] = /^([\w-]+)\.(?:md|sh)(?:#(.+))?$/.exec(href) ?? []
  if (guide === undefined) return ['span', {}, ...inside(tokens)]
  return ['a', { href: `#guide/${guide}${part ? `/${part}` : ''}` }, ...inside(tokens)]
}

function tableOf({ header, rows }: Tokens.Table): Piece {
  const head: Piece[] = header.some(({ text }) => text !== '')
    ? [['thead', {}, ['tr', {}, ...header.map(({ tokens }): Piece => ['th', { scope: 'col' }, ...inside(tokens)])]]]
    : []
  const lines = rows.map((row): Piece => ['tr', {}, ...row.map(({ tokens }): Piece => ['td', {}, ...inside(tokens)])])
  return ['table', {}, ...head, ['tbody', {}, ...lines]]
}
