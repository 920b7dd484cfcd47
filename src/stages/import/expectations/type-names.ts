import type { Json } from '../../../internal/canonical-json.ts'
import type { ScalarType } from '../../../define/expression/node.ts'
import { LeftOut, shown } from './given.ts'
import type { Rule } from './rule.ts'

/** Type names of pandas, NumPy, Python and SQL, in lower case without widths, by the type of Millrace. */
const forms: readonly (readonly [RegExp, ScalarType])[] = [
  [
    /^u?int(?:eger)?(?:\d+)?(?:\[pyarrow\])?$|^(?:tiny|small|medium|big|huge)int$|^int_?$|^(?:big|small)?serial$|^(?:long|short|byte)(?:type)?$|^(?:integer|long|short|byte)type$/,
    'int',
  ],
  [/^(?:float|double|real|number)(?:\d+)?(?:_|\[pyarrow\])?$|^double precision$|^(?:float|double)type$/, 'float'],
  [
    /^(?:str|string|text|varchar|char|nvarchar|nchar|bpchar|clob|character varying|character|unicode|varchar2)_?(?:\[(?:python|pyarrow|pyarrow_numpy)\])?$|^string(?:type|dtype)$/,
    'text',
  ],
  [/^bool(?:ean)?_?(?:\[pyarrow\])?$|^bit$|^boolean(?:type|dtype)$/, 'bool'],
  [
    /^datetime(?:64|2)?(?:\[[^\]]*\])?$|^timestamp(?:_?(?:ntz|ltz|tz|type|_s|_ms|_ns))?(?:\[[^\]]*\])?$|^timestamp with(?:out)? time zone$|^timestamptz$/,
    'timestamp',
  ],
]

/** The type of Millrace that another tool's type is; undefined where there is none. */
function typeNamed(name: string): ScalarType | undefined {
  const plain = name
    .trim()
    .toLowerCase()
    .replace(/^(?:sa|sqlalchemy|np|numpy|pd|pandas|pyspark\.sql\.types|polars|pl|python)\./, '')
    .replace(/\s*\((?:\d+(?:\s*,\s*\d+)?|max)?\)/, '')
  return forms.find(([form]) => form.test(plain))?.[1]
}

/** A rule about the type of a column is the column's declaration: the schema check holds it. */
export function declareType(rule: Rule, column: string, names: readonly Json[]): readonly [] {
  const found = names.map(name => (typeof name === 'string' ? typeNamed(name) : undefined))
  const [type] = found
  if (type === undefined || found.includes(undefined))
    throw new LeftOut(`Millrace has no counterpart of the type ${shown(names[found.indexOf(undefined)])}`)
  if (new Set(found).size > 1) throw new LeftOut(`a column has one type, and ${shown(names)} are several`)
  rule.declare(column, type)
  rule.differs(`it is the column's declared type, ${type}, whatever its width`)
  return []
}
