// What a new organization finds among its templates, by its kind.
import { type TenantDb } from '../../tenancy/tenant.js'
import { insertDefaults } from './queries.js'

interface DefaultTemplate { name: string, category: string, text: string }

const church: readonly DefaultTemplate[] = [
  { name: 'Service reminder', category: 'services', text: 'Hi {{firstName|friend}}, {{organization}} looks forward to seeing you this Sunday.' },
  { name: 'Service time change', category: 'services', text: 'Hi {{firstName|friend}}, this Sunday\'s service at {{organization}} starts at a different time: ' },
  { name: 'Service cancelled', category: 'services', text: 'Hi {{firstName|friend}}, this Sunday\'s service at {{organization}} is cancelled. Stay safe, and see you next week.' },
  { name: 'First visit', category: 'welcome', text: 'Hi {{firstName|friend}}, thank you for visiting {{organization}}. Reply here with any question; a person reads it.' },
  { name: 'We missed you', category: 'care', text: 'Hi {{firstName|friend}}, we missed you at {{organization}}. Is there anything we can do for you?' },
  { name: 'Prayer requests', category: 'care', text: 'Hi {{firstName|friend}}, how can we pray for you this week? Just reply to this text.' },
  { name: 'Happy birthday', category: 'care', text: 'Happy birthday, {{firstName|friend}}! Everyone at {{organization}} is thinking of you today.' },
  { name: 'Event invitation', category: 'events', text: 'Hi {{firstName|friend}}, you are invited: ' },
  { name: 'Small group reminder', category: 'events', text: 'Hi {{firstName|friend}}, a reminder that your group meets this week.' },
  { name: 'Volunteers needed', category: 'volunteers', text: 'Hi {{firstName|friend}}, we are looking for helpers this Sunday. Can you serve? Reply YES or NO.' },
  { name: 'Serving this Sunday', category: 'volunteers', text: 'Hi {{firstName|friend}}, thank you for serving this Sunday at {{organization}}.' }
]

const studio: readonly DefaultTemplate[] = [
  { name: 'Class reminder', category: 'classes', text: 'Hi {{firstName|there}}, a reminder of your class at {{organization}} tomorrow.' },
  { name: 'Class cancelled', category: 'classes', text: 'Hi {{firstName|there}}, today\'s class at {{organization}} is cancelled. Reply here and we will find you another.' },
  { name: 'A place has opened', category: 'classes', text: 'Hi {{firstName|there}}, a place has opened in the class you are waiting for. Reply YES to take it.' },
  { name: 'Schedule change', category: 'schedule', text: 'Hi {{firstName|there}}, our timetable at {{branch|the studio}} changes: ' },
  { name: 'Holiday hours', category: 'schedule', text: 'Hi {{firstName|there}}, our holiday hours at {{branch|the studio}}: ' },
  { name: 'Welcome to the studio', category: 'welcome', text: 'Welcome to {{organization}}, {{firstName|there}}! Reply here with any question; a person reads it.' },
  { name: 'Trial follow-up', category: 'welcome', text: 'Hi {{firstName|there}}, how did you like your first class at {{organization}}?' },
  { name: 'We miss you', category: 'motivation', text: 'Hi {{firstName|there}}, we have not seen you for a while. Which class may we save you a place in?' },
  { name: 'Happy birthday', category: 'motivation', text: 'Happy birthday, {{firstName|there}}! Everyone at {{organization}} wishes you a strong year.' },
  { name: 'Membership renewal', category: 'membership', text: 'Hi {{firstName|there}}, your membership at {{organization}} renews soon. Reply here with any question.' },
  { name: 'Payment failed', category: 'membership', text: 'Hi {{firstName|there}}, your last payment at {{organization}} did not go through. Please update your card, or reply here.' }
]

const defaults = { church: JSON.stringify(church), studio: JSON.stringify(studio) }

/** Once, at sign-up. */
export async function seedTemplates (db: TenantDb, kind: 'church' | 'studio'): Promise<void> {
  await insertDefaults(db, defaults[kind])
}
