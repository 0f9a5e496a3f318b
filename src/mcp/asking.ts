/** Asking the person behind a client: a form with one question, yes or no. */
import type { Question } from '#calls'
import { formatUsdc } from '#core/money'
import { isObject } from '#schemas'

/** Of the arguments, as a person is shown them; the page of the approval shows all. */
const MAX_ARGUMENTS_SHOWN = 1_000
/** The only field of the form. */
const FIELD = 'approve'

/** The parameters of an elicitation/create. */
export function elicitation({ title, arguments: args, maxTotal }: Question) {
  const text = JSON.stringify(args)
  const shown = text.length > MAX_ARGUMENTS_SHOWN ? `${text.slice(0, MAX_ARGUMENTS_SHOWN)} …` : text
  const cost =
    maxTotal === 0n ? 'It costs nothing.' : `It costs at most ${formatUsdc(maxTotal)} USDC.`
  return {
    mode: 'form' as const,
    message: `Approve this call of "${title}"? ${cost} Arguments: ${shown}`,
    requestedSchema: {
      type: 'object' as const,
      properties: {
        [FIELD]: { type: 'boolean' as const, title: 'Approve this call', default: false },
      },
      required: [FIELD],
    },
  }
}

/** What the person said; `undefined` where the form was put away without an answer. */
export function verdictIn(result: unknown): boolean | undefined {
  if (!isObject(result) || result.action === 'cancel') return undefined
  return result.action === 'accept' && isObject(result.content) && result.content[FIELD] === true
}

/** Whether a client can show a form, by the capabilities that it declares. */
export function canAsk(capabilities: unknown): boolean {
  const how = isObject(capabilities) ? capabilities.elicitation : undefined
  // Before there was another mode, declaring it meant forms.
  return isObject(how) && (isObject(how.form) || !isObject(how.url))
}
