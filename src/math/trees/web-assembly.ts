/** Memory of a WebAssembly module; shared memory can be posted to other threads. */
export interface LinearMemory {
  readonly buffer: ArrayBufferLike
}

// Declared here because neither the language's nor Node's type definitions know the global.
interface WebAssemblyGlobal {
  readonly Memory: new (limits: { initial: number; maximum: number; shared: boolean }) => LinearMemory
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object
  readonly Instance: new (
    module: object,
    imports: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  ) => { readonly exports: unknown }
}

const { Memory, Module, Instance } = (globalThis as unknown as { readonly WebAssembly: WebAssemblyGlobal }).WebAssembly

/** Zeroed memory of a fixed number of pages of 64 KiB. */
export function newMemory(pages: number, shared = false): LinearMemory {
  return new Memory({ initial: pages, maximum: pages, shared })
}

/** The exports of a module, at once. */
export function instantiate(bytes: Uint8Array<ArrayBuffer>, memory: LinearMemory): unknown {
  return new Instance(new Module(bytes), { trees: { memory } }).exports
}
