// Which column is which: by common names in several languages and spellings, or as the caller says.
import { problem } from '../../../errors.js'
import { type FieldName, isCustomField, type ColumnMapping } from './schemas.js'

/** Without case, accents, spaces and signs. The earlier a name stands, the rather it is taken: a mobile phone before any phone. */
const names: ReadonlyArray<[FieldName, string]> = [
  ['phone', 'mobile mobilephone mobilenumber mobilephonenumber cell cellphone cellnumber cellphonenumber handy handynummer mobil mobilnummer mobiltelefon celular movil ' +
    'telemovel telefonomovil portable sms smsnumber textnumber whatsapp phone phonenumber primaryphone telephone telephonenumber tel telefon telefonnummer telefono ' +
    'telefone numerodetelefono homephone homephonenumber contactnumber number phonee164'],
  ['firstName', 'firstname first givenname forename fname vorname rufname prenom nombre primernombre nome primeironome preferredname nickname'],
  ['lastName', 'lastname last surname familyname lname nachname familienname nomdefamille apellido apellidos sobrenome cognome'],
  ['name', 'name fullname displayname membername contactname contact nombrecompleto nomecompleto nomcomplet vollername'],
  ['email', 'email emailaddress mail emailadresse primaryemail correo correoelectronico courriel adressemail homeemail'],
  ['birthday', 'birthday birthdate dateofbirth dob born bday geburtstag geburtsdatum fechadenacimiento cumpleanos nacimiento datedenaissance anniversaire datadenascimento'],
  ['timeZone', 'timezone tz zeitzone zonahoraria fuseauhoraire'],
  ['branches', 'branches branch campus campuses location locations site sites studio standort filiale sede sucursal'],
  ['tags', 'tags tag groups group labels label lists list gruppen gruppe etiquetas etiquettes'],
  ['optIn', 'optin optinstate optedin consent smsconsent smsoptin textoptin subscribed subscription smsstatus einwilligung consentimiento'],
  ['optInSource', 'optinsource consentsource'],
  ['optInNote', 'optinnote consentnote']
]

export function plainName (header: string): string {
  return header.normalize('NFKD').toLowerCase().replace(/[^\p{L}\p{N}]/gu, '')
}

/** How each column is read, in the order of the file. @throws problem('VALIDATION_FAILED') for a column or field the caller named wrongly */
export function mapColumns (headers: readonly string[], asked: Record<string, FieldName | null>, keepUnknown: boolean): ColumnMapping[] {
  const wanted = new Map(Object.entries(asked).map(([header, field]) => [header.trim().toLowerCase(), field]))
  const known = new Set(headers.map((header) => header.trim().toLowerCase()))
  const missing = Object.keys(asked).filter((header) => !known.has(header.trim().toLowerCase()))
  if (missing.length > 0) throw problem('VALIDATION_FAILED', { errors: missing.map((header) => ({ path: `/body/options/columns/${escapePointer(header)}`, message: 'is not a column of this file' })) })
  const taken = new Set<string>([...wanted.values()].filter((field) => field !== null))
  const fields = headers.map((header) => wanted.get(header.trim().toLowerCase()))
  for (const [field, spellings] of names) {
    if (taken.has(field)) continue
    const ranks = spellings.split(' ')
    const [best] = headers.map((header, index) => ({ index, rank: fields[index] === undefined ? ranks.indexOf(plainName(header)) : -1 }))
      .filter(({ rank }) => rank >= 0).sort((one, other) => one.rank - other.rank)
    if (best !== undefined) fields[best.index] = field
  }
  return headers.map((header, index) => ({ header: header.trim(), field: fields[index] === undefined ? customField(header.trim(), keepUnknown) : fields[index] ?? null }))
}

function customField (header: string, keepUnknown: boolean): FieldName | null {
  const name = /^custom\./i.test(header) ? `custom.${header.slice(7)}` : `custom.${header}`
  return (keepUnknown || /^custom\./i.test(header)) && isCustomField(name) ? name : null
}

function escapePointer (text: string): string {
  return text.replaceAll('~', '~0').replaceAll('/', '~1')
}
