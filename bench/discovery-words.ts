/** How the engines that Souk is compared with cut text into words; nothing of it is Souk's. */
import { stemmer } from 'stemmer'

/** Words that are left out of texts and queries alike. */
const STOP_WORDS = new Set(
  `a about above after again all also am an and any anyone are around as ask at available be because
  been before being below between both but by can cannot could did do does doing done during each
  either else etc ever every example few find for from further get gets getting give gives given go
  going got had has have having he hello help helps her here hers hi him his how however i if in
  information interested into is it its itself just kind know let lets like ll look looking made make
  makes making many may maybe me might more most much must my myself need needed needs no nor not now
  of off ok on once one only or other our ours out over own per perhaps please provide provided
  provides really regarding s same shall she should show so some someone something soon specific such
  t tell than thank thanks that the their them then there these they thing things this those through
  to too trying under until up upon us use used using ve very via want wanted wants was way we well
  were what when where whether which while who whom whose why will wish with within without wondering
  would yes yet you your yours`.split(/\s+/),
)

/** Runs of letters and digits in lower case: what every engine does by itself. */
export function rawWords(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []
}

/** The stems of the telling words; `listReposForOrg` and `list_repos` come apart. */
export function tunedWords(text: string): string[] {
  const apart = text
    .replace(/(\p{Ll}|\p{N})(\p{Lu})/gu, '$1 $2')
    .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, '$1 $2')
  return rawWords(apart).flatMap((word) => (STOP_WORDS.has(word) ? [] : stemmer(word)))
}
