/** The success rule: whether an answer counts as delivered, and so is charged. Pure. */
import { parseAnswer, valueAt } from '#core/json-text'
import type { SuccessRule } from './listing-schema.js'

export type Delivery = { delivered: true } | { delivered: false; reason: string }

/** @param answer the upstream's status and its decoded body, perhaps cut at the size limit. */
export function isDelivered(
  rule: SuccessRule,
  answer: { status: number; body: Uint8Array; truncated: boolean },
): Delivery {
  if (!statusFits(rule.status, answer.status)) {
    return { delivered: false, reason: `The provider answered with status ${answer.status}.` }
  }
  if (rule.must_exist === undefined && rule.must_not_exist === undefined) return { delivered: true }
  const document = parseAnswer(answer.body)
  if (document === undefined) {
    return { delivered: false, reason: 'The answer is not JSON, which the success rule needs.' }
  }
  if (rule.must_exist !== undefined && valueAt(document.value, rule.must_exist) === undefined) {
    return { delivered: false, reason: `The answer lacks ${rule.must_exist}.` }
  }
  if (
    rule.must_not_exist !== undefined &&
    valueAt(document.value, rule.must_not_exist) !== undefined
  ) {
    return { delivered: false, reason: `The answer has ${rule.must_not_exist}.` }
  }
  return { delivered: true }
}

function statusFits(rule: SuccessRule['status'], status: number): boolean {
  if (rule === '2xx') return status >= 200 && status < 300
  return Array.isArray(rule) ? rule.includes(status) : rule === status
}
