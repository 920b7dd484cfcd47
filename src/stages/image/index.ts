export { buildImage, type BuildOptions, type BuiltImage } from './build.ts'
export { pushImage, type PushOptions, type PushResult } from './push.ts'
export { readLayout, type StoredImage } from './layout.ts'
export { parseReference, type ImageReference } from './reference.ts'
