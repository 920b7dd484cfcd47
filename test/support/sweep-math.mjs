// In a thread of its own, so that what never ends can be ended and named: calls one function of dist/math with everything.
import { parentPort, workerData } from 'node:worker_threads'

const { url, name, argumentLists } = workerData
const call = (await import(url))[name]
for (const given of argumentLists) {
  parentPort.postMessage({ given })
  try {
    parentPort.postMessage({ given, result: call(...structuredClone(given)) })
  } catch (error) {
    parentPort.postMessage({ given, thrown: `${error.name}: ${error.message}` })
  }
}
parentPort.postMessage({ done: true })
