/** An error that the sample seller tells its caller about, as `{error: {code, message}}`. */
export type Refusal = Error & { status: number; code: string }

export function refusal(status: number, code: string, message: string): Refusal {
  return Object.assign(new Error(message), { status, code })
}

/** The refusal of an argument that is missing, malformed or out of range. */
export function badInput(message: string): Refusal {
  return refusal(400, 'bad_input', message)
}

export function isRefusal(error: unknown): error is Refusal {
  return error instanceof Error && 'status' in error && 'code' in error
}
