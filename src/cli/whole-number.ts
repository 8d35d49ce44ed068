// A whole number as an option of the command line.
import { InvalidArgumentError } from 'commander'

/** @throws InvalidArgumentError, which commander shows with the option's name */
export function wholeNumber (value: string, least: number): number {
  const number = Number(value)
  if (!Number.isSafeInteger(number) || number < least) throw new InvalidArgumentError(`Give a whole number, ${least} or more.`)
  return number
}
