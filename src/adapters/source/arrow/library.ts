import { commonJs } from '../../../internal/common-js.ts'
import { fail } from '../../../errors/index.ts'

export type Arrow = typeof import('apache-arrow')

let prepared: Arrow | undefined

/** The library of whoever reads Arrow files, with what undoes the two compressions that Arrow has. */
export async function arrowLibrary(): Promise<Arrow> {
  if (prepared) return prepared
  let arrow: Arrow
  try {
    arrow = await import('apache-arrow')
  } catch (error) {
    throw fail('packageMissing', { package: 'apache-arrow@21.2.0', what: 'Arrow IPC files' }, error)
  }
  const lz4 = commonJs('lz4js') as { decompress(bytes: Uint8Array): Uint8Array }
  const zstd = commonJs('fzstd') as { decompress(bytes: Uint8Array): Uint8Array }
  const { compressionRegistry, CompressionType } = arrow
  // numbers are read in place, and so have to begin where a number may
  compressionRegistry.set(CompressionType.LZ4_FRAME, { decode: bytes => lz4.decompress(bytes).slice() })
  compressionRegistry.set(CompressionType.ZSTD, { decode: bytes => zstd.decompress(bytes).slice() })
  prepared = arrow
  return arrow
}
