import { closeSync, openSync, readSync } from 'node:fs'

/** What the first bytes of a file say that it is, whatever its name says. */
export interface FileFormat {
  readonly name: string
  /** How it is brought in. */
  readonly advice: string
  /** As which kind of source it can be declared. */
  readonly source?: 'parquet' | 'arrow' | 'sqlite' | 'duckdb'
  /** How a text is compressed that is read as it is. */
  readonly compression?: 'gzip' | 'zstd'
}

interface Known extends FileFormat {
  /** Bytes as latin-1. */
  readonly begins: RegExp
}

const decompress = 'decompress it first'
const asCsv = 'save each sheet as CSV (UTF-8)'
const withPython = (reader: string) => `write it as Parquet, as pandas.${reader}(…).to_parquet(…) does`

// oxlint-disable no-control-regex -- they are bytes
const formats: readonly Known[] = [
  { begins: /^PAR1/, name: 'a Parquet file', advice: 'declare parquet(…)', source: 'parquet' },
  {
    begins: /^PARE/,
    name: 'an encrypted Parquet file',
    advice: 'write it decrypted, or with a plaintext footer and unencrypted columns',
  },
  { begins: /^ARROW1/, name: 'an Arrow or Feather file', advice: 'declare arrow(…)', source: 'arrow' },
  { begins: /^\xff\xff\xff\xff[^]{4}\x10\0\0\0/, name: 'an Arrow stream', advice: 'declare arrow(…)', source: 'arrow' },
  {
    begins: /^FEA1/,
    name: 'a Feather file of version 1',
    advice: 'write it as Parquet or as Feather of version 2',
  },
  { begins: /^ORC/, name: 'an ORC file', advice: withPython('read_orc') },
  { begins: /^Obj\x01/, name: 'an Avro file', advice: 'write it as Parquet, as pyarrow or Spark does' },
  {
    begins: /^PK\x03\x04[^]{0,2000}(?:xl\/|\[Content_Types\]\.xml|_rels\/|docProps\/)/,
    name: 'an Excel workbook',
    advice: asCsv,
  },
  { begins: /^PK\x03\x04[^]{26}mimetypeapplication\/vnd\.oasis/, name: 'an OpenDocument file', advice: asCsv },
  { begins: /^PK(?:\x03\x04|\x05\x06)/, name: 'a zip archive', advice: 'unpack it first' },
  {
    begins: /^\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1/,
    name: 'an Excel workbook (.xls) or encrypted Office file',
    advice: asCsv,
  },
  { begins: /^\x1f\x8b/, name: 'gzip', advice: decompress, compression: 'gzip' },
  { begins: /^(?:\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18)/, name: 'zstd', advice: decompress, compression: 'zstd' },
  { begins: /^BZh[1-9]/, name: 'bzip2', advice: decompress },
  { begins: /^\xfd7zXZ\0/, name: 'xz', advice: decompress },
  { begins: /^\x04\x22\x4d\x18/, name: 'an lz4 frame', advice: decompress },
  { begins: /^\xff\x06\0\0sNaPpY/, name: 'framed snappy', advice: decompress },
  { begins: /^7z\xbc\xaf\x27\x1c/, name: 'a 7-Zip archive', advice: 'unpack it first' },
  { begins: /^Rar!\x1a\x07/, name: 'a RAR archive', advice: 'unpack it first' },
  { begins: /^[^]{257}ustar/, name: 'a tar archive', advice: 'unpack it first' },
  { begins: /^SQLite format 3\0/, name: 'an SQLite database', advice: 'declare sqlite(…)', source: 'sqlite' },
  { begins: /^[^]{8}DUCK/, name: 'a DuckDB database', advice: 'declare duckdb(…)', source: 'duckdb' },
  { begins: /^\x89HDF\r\n\x1a\n/, name: 'an HDF5 file', advice: withPython('read_hdf') },
  { begins: /^\x93NUMPY/, name: 'a NumPy array', advice: 'write it as Parquet' },
  {
    begins: /^\x80[\x02-\x05](?:\x95|c|\}|\])/,
    name: 'a Python pickle',
    advice: `${withPython('read_pickle')}; a pickle is never loaded`,
  },
  { begins: /^Salted__/, name: 'a file encrypted with openssl', advice: 'decrypt it first' },
  {
    begins: /^(?:-----BEGIN PGP MESSAGE|age-encryption\.org\/)/,
    name: 'an encrypted file',
    advice: 'decrypt it first',
  },
  { begins: /^%PDF-/, name: 'a PDF', advice: 'write its table as CSV' },
  {
    begins: /^version https:\/\/git-lfs\.github\.com\/spec\//,
    name: 'a pointer of Git LFS',
    advice: 'run "git lfs pull"',
  },
  {
    begins: /^(?:\xef\xbb\xbf)?\s*<(?:!doctype html|html[\s>])/i,
    name: 'a web page',
    advice: 'what it was fetched from gave no data; fetch it again',
  },
  { begins: /^(?:\xef\xbb\xbf)?\s*<\?xml\s/i, name: 'XML', advice: 'write it as CSV, JSON lines or Parquet' },
]
// oxlint-enable no-control-regex

/** What a file is by its first bytes; undefined of a text and of what is not known. */
export function formatOfBytes(bytes: Uint8Array): FileFormat | undefined {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 4096)).toString('latin1')
  return formats.find(format => format.begins.test(start))
}

export function formatOfFile(path: string): FileFormat | undefined {
  const file = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(4096)
    return formatOfBytes(bytes.subarray(0, readSync(file, bytes, 0, bytes.length, 0)))
  } finally {
    closeSync(file)
  }
}

/** Why a file of another format than was declared is not read, and what to do. */
export function otherFormat(format: FileFormat, declared: string): string {
  return `it is ${format.name}, not ${declared}: ${format.advice}`
}
