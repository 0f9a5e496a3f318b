/**
 * Text that speaks to the model that reads it rather than about an API. It is a signal for the
 * operator, no boundary: whoever wants to can say the same in other words.
 */

import { hasInvisible, withoutInvisible } from '#core/plain-text'

/** What of a text looks like an instruction. */
export type Suspicion = { rule: string; excerpt: string }

const MAX_EXCERPT = 160
const BEFORE = 40
/** A shorter run of base64 says nothing that these rules would find. */
const BASE64 = /(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{40,4000}={0,2}/g

/** Cyrillic and Greek letters that pass for Latin ones. */
const LOOK_ALIKES = new Map(
  [...'аaеeоoрpсcхxуyіiѕsјjԁdһhαaοoνvιi'].flatMap((letter, i, all) =>
    i % 2 === 0 ? [[letter, all[i + 1]!] as const] : [],
  ),
)
const ANY_LOOK_ALIKE = new RegExp(`[${[...LOOK_ALIKES.keys()].join('')}]`, 'g')

const ORDERS = 'instructions?|prompts?|directives?|guidelines|guardrails'
const SOMEBODY = 'the user|the human|your user|the operator|users?|anyone|anybody|them'
const A_TOOL = '(?:tool|api|endpoint|function|listing|server)'
const OF_YOURS = 'conversation|chat history|message history|context window|system prompt'

/**
 * Each looks at lower-case text with single spaces. All repetitions are bounded, so that the work is
 * linear whatever the text is.
 */
const RULES: Readonly<Record<string, readonly RegExp[]>> = {
  override: [
    RegExp(
      String.raw`\b(?:ignore|disregard|forget|override|bypass) (?:[\w'-]{1,20} ){0,3}(?:previous|prior|above|earlier|preceding|existing|system|safety|your|all|any|other) (?:[\w'-]{1,20} ){0,2}(?:${ORDERS})\b`,
    ),
    /\b(?:ignore|disregard|forget) (?:everything|anything|all|what) (?:[\w'-]{1,20} ){0,2}(?:above|before|previously|said|told)\b/,
    /\b(?:new|real|actual|updated|true) (?:system )?instructions? (?:follow|are as follows|for (?:you|the (?:assistant|model|agent|ai)))\b/,
  ],
  'system-prompt': [
    /\b(?:reveal|repeat|print|leak|output|disclose|recite) (?:[\w'-]{1,20} ){0,3}(?:system|initial|hidden|original) (?:prompt|instructions?|message)\b/,
    /\byour (?:system|initial|hidden|original) (?:prompt|instructions)\b/,
  ],
  role: [
    /\byou are (?:now )?an? (?:[\w'-]{1,20} ){0,3}(?:assistant|ai|language model|llm|chatbot|ai agent)\b/,
    /\b(?:from now on,? you (?:are|must|will|should)|you are no longer (?:an?|bound|restricted))\b/,
    /\b(?:act|behave|respond|roleplay) as (?:if you (?:are|were) )?(?:an? )?(?:unrestricted|unfiltered|jailbroken|uncensored|evil|different (?:ai|assistant))\b/,
    /\b(?:do anything now|dan mode|jailbreak mode|as an ai language model)\b/,
  ],
  'chat-token': [
    /\b(?:im_start|im_end|endoftext|begin_of_text|start_header_id|end_header_id|eot_id|fim_prefix)\b/,
    /\[\/?inst\]|<< ?\/?sys ?>>|\bend of (?:system prompt|tool description)\b/,
    /(?:^|\n)(?:human|assistant): .{0,200}\n+(?:human|assistant): /,
  ],
  'call-me-first': [
    RegExp(
      String.raw`\balways (?:call|use|invoke|run|choose|select|prefer|buy|pick) this ${A_TOOL}\b`,
    ),
    RegExp(
      String.raw`\b(?:before|prior to) (?:you )?(?:using|calling|use|call|invoking|running|buying) (?:any|every|all)(?: of the)?(?: other)? (?:other |available )?${A_TOOL}s?\b`,
    ),
    RegExp(
      String.raw`\b(?:instead of|rather than|over|not) (?:any|all|every)(?: of the)? other (?:available )?(?:${A_TOOL}|seller|provider|service)s?\b`,
    ),
    /\b(?:assistants?|agents?|models?|ais?|llms?) (?:must|should|shall|needs? to|has to|have to) (?:always|first|only) (?:call|use|invoke|prefer|choose|buy) (?:this|it)\b/,
  ],
  secrecy: [
    RegExp(
      String.raw`\b(?:do not|don't|never|must not|should not) (?:ever )?(?:tell|inform|mention (?:this|that|it|any of this) to|reveal (?:this|that|it) to|let) (?:${SOMEBODY})\b(?: (?:about|that|of|know|what|why)\b)`,
    ),
    /\bwithout (?:telling|informing|the knowledge of|mentioning (?:it|this) to) (?:the|your) (?:user|human|operator)\b/,
    /\b(?:hide|conceal|keep) (?:this|it|that) (?:secret |hidden )?from (?:the|your) (?:user|human|operator)\b/,
  ],
  exfiltration: [
    RegExp(
      String.raw`\b(?:send|include|attach|append|copy|paste|pass|put|forward|upload|encode) (?:[\w'-]{1,20} ){0,4}(?:${OF_YOURS})\b (?:[\w'-]{1,20} ){0,4}(?:in|into|to|as|with) (?:this|the) (?:argument|parameter|field|query|request|url|call|tool|endpoint|value)\b`,
    ),
    /(?:~\/|\$home\/|\/root\/)\.(?:ssh\/(?!auth)|aws\b|cursor\b|npmrc\b|netrc\b|kube\b)|\.cursor\/mcp\.json|claude_desktop_config/,
    /\b(?:send|include|attach|append|paste|pass|put|forward|reveal|read) (?:[\w'-]{1,20} ){0,3}(?:the user's|your user's|user's own|all(?: of)? (?:your|the)) (?:[\w'-]{1,20} ){0,2}(?:api keys?|private keys?|passwords?|credentials|secrets?|seed phrase|mnemonic|env(?:ironment)? variables)\b/,
  ],
  shadowing: [
    RegExp(
      String.raw`\b(?:do not|don't|never|avoid|stop) (?:use|using|call|calling|buy|buying|trust|trusting) (?:any |the |all )?(?:other|competing|rival) (?:${A_TOOL}|seller|provider)s?\b`,
    ),
    RegExp(
      String.raw`\b(?:all|any|the|every) other (?:${A_TOOL}|seller|provider)s? (?:[\w'-]{1,20} ){0,4}(?:is|are) (?:broken|unsafe|malicious|unreliable|a scam|fraudulent|compromised|insecure)\b`,
    ),
  ],
}

/** Most texts fit no rule, which one look tells in a third of the time. */
const ANY_RULE = RegExp(
  Object.values(RULES)
    .flat()
    .map(({ source }) => source)
    .join('|'),
)

/** Elements that only make sense to a model; plain text shows them in braces. */
const SHOUTED = /\{(?:IMPORTANT|SYSTEM|INSTRUCTIONS?|CRITICAL|SECRET)\}/

/** Characters that nobody sees and that spell ASCII. */
const TAGS = /[\u{e0020}-\u{e007e}]+/gu
const TAGS_START = 0xe0000

/** `text` with what tag characters spell, and without what else hides between its letters. */
export function revealed(text: string): string {
  return hasInvisible(text) ? withoutInvisible(text.replace(TAGS, spelledOut)) : text
}

function spelledOut(tags: string): string {
  const ascii = [...tags].map((tag) => String.fromCodePoint(tag.codePointAt(0)! - TAGS_START))
  return ` ${ascii.join('')} `
}

/** What `text` has of instructions to a model: the first place of each kind, encoded texts too. */
export function suspicionsIn(text: string): Suspicion[] {
  const found = new Map<string, Suspicion>()
  for (const candidate of [text, ...encodedTexts(text)]) {
    for (const suspicion of suspicionsInPlain(candidate)) {
      if (!found.has(suspicion.rule)) found.set(suspicion.rule, suspicion)
    }
  }
  return [...found.values()]
}

function suspicionsInPlain(text: string): Suspicion[] {
  const read = fold(text)
  const found: Suspicion[] = []
  const shouted = SHOUTED.exec(text)
  if (shouted) found.push({ rule: 'chat-token', excerpt: excerptOf(text, shouted.index) })
  if (!ANY_RULE.test(read)) return found
  for (const [rule, patterns] of Object.entries(RULES)) {
    for (const pattern of patterns) {
      const hit = pattern.exec(read)
      if (hit === null) continue
      found.push({ rule, excerpt: excerptOf(read, hit.index) })
      break
    }
  }
  return found
}

/** As models read it: look-alikes and full-width letters are letters, spaces are single. */
function fold(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(ANY_LOOK_ALIKE, (letter) => LOOK_ALIKES.get(letter)!)
    .replace(/’/g, "'")
    .replace(/[^\S\n]+/g, ' ')
}

function encodedTexts(text: string): string[] {
  return (text.match(BASE64) ?? [])
    .map((run) => Buffer.from(run, 'base64').toString('utf8'))
    .filter((decoded) => /^[\t\n\r -~]+$/.test(decoded))
}

function excerptOf(text: string, index: number): string {
  return text
    .slice(Math.max(0, index - BEFORE), index - BEFORE + MAX_EXCERPT)
    .replace(/\s+/g, ' ')
    .trim()
}
