// The carrier's GSM-7 alphabet, as data: what is in neither list makes the whole text UCS-2.

/** One septet each (GSM 03.38, default alphabet). The backtick has never been in it. */
export const basicCharacters = '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà'

/** An escape and a character: two septets each. The standard has € here too; Telnyx sends a text with € as UCS-2. */
export const extendedCharacters = '\f^{}\\[~]|'
