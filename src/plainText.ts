/**
 * Return a sentence for places that show text as it is, such as notifications and tooltips:
 * what stands between backticks comes in quotation marks.
 */
export function plainText(sentence: string): string {
  return sentence.replace(/`([^`]*)`/g, '“$1”');
}
