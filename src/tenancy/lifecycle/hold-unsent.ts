// In a database from the past: what waited then may have been sent since. It is never sent again by itself; a person decides.
import { type ClientBase } from 'pg'

/** As the owner of the data. Texts in the outbox become unknown and wait as dead letters; broadcasts whose time has come by now are paused. */
export async function holdUnsent (client: ClientBase): Promise<void> {
  await client.query(`
    WITH gone AS (DELETE FROM public.message_queue RETURNING message_id, phone_hash),
    held AS (
      UPDATE public.message_recipients r SET status = 'unknown', error_code = 'restored', updated_at = now(),
        error_detail = 'It waited when the backup was made; whether it was sent afterwards is not known.'
      FROM gone WHERE r.message_id = gone.message_id AND r.phone_hash = gone.phone_hash AND r.status IN ('queued', 'sending')
      RETURNING r.message_id, r.phone_hash
    )
    INSERT INTO public.dead_letter_queue (category, status, message_id, phone_hash, error, added_at)
    SELECT 'sms_send', 'pending', message_id, phone_hash, 'restored', now() FROM held ON CONFLICT DO NOTHING`)
  await client.query(`
    UPDATE public.messages SET status = 'paused', paused_from = status, updated_at = now()
    WHERE kind = 'broadcast' AND (status = 'sending' OR status = 'scheduled' AND (send_at IS NULL OR send_at <= now()))`)
}
