/** The element that is known to be there. @throws {RangeError} when it is not, which is a fault of this library */
export function at<T>(list: readonly T[], index: number): T {
  const element = list[index];
  if (element === undefined) throw new RangeError(`no element ${index} in ${list.length}`);
  return element;
}
