import type { ErrorEntry } from '../millrace-error.ts'

export const modelErrors = {
  onnxMalformed: {
    code: 'MR4001',
    title: 'ONNX file not valid',
    message: '{file} is not a valid ONNX model: {reason}',
    hint: 'Run "millrace onnx verify {file}" for every finding; export it again from its framework.',
    exit: 1,
    status: 422,
    blame: 'user',
  },
} as const satisfies Record<string, ErrorEntry>
