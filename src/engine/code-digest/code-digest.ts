export interface CodeDigest {
  a: 1
}
export async function codeDigest(): Promise<CodeDigest> {
  return { a: 1 }
}
