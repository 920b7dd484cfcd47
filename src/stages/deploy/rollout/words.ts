/** Numbers as the reasons of decisions say them. */
export const percent = (x: number): string => `${Number((100 * x).toPrecision(4))} %`
export const short = (x: number): string => String(Number(x.toPrecision(4)))
