package watch

import (
	"context"
	"fmt"
	"time"
)

// Job is a target that is to be checked now, by whoever claimed it.
type Job struct {
	Target
	at    time.Time // when it was claimed
	claim int64     // which claim of the target it is: an older one's result is not stored
}

// Claim returns targets that are due, the longest overdue first, and has nobody
// else claim them before until. Whoever claims and does not record within that
// time, perhaps because the process was killed, has lost the claim: somebody else
// checks the target again.
func (s *Store) Claim(ctx context.Context, who string, now, until time.Time, most int) (jobs []Job, err error) {
	if most <= 0 {
		return nil, nil
	}
	err = s.Update(ctx, func(tx *Tx) error {
		jobs = jobs[:0]
		var ids []int64
		err := tx.each("SELECT target FROM schedule WHERE next_at <= ? AND claimed_until <= ? ORDER BY next_at LIMIT ?"+s.d.skip,
			[]any{milli(now), milli(now), most}, func(scan func(...any) error) error {
				var id int64
				err := scan(&id)
				ids = append(ids, id)
				return err
			})
		if err != nil {
			return err
		}
		for _, id := range ids {
			if _, err := tx.Exec("UPDATE schedule SET claim = claim + 1, claimed_until = ?, claimed_by = ? WHERE target = ?", milli(until), who, id); err != nil {
				return err
			}
			t, claim, found, err := tx.target(id)
			if err != nil {
				return err
			}
			if !found || !t.Removed.IsZero() {
				if _, err := tx.Exec("DELETE FROM schedule WHERE target = ?", id); err != nil {
					return err
				}
				continue
			}
			jobs = append(jobs, Job{t, now, claim})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("claiming targets: %w", err)
	}
	return jobs, nil
}

// Postpone gives claims up unrecorded: their targets are due again at the time given.
func (s *Store) Postpone(ctx context.Context, jobs []Job, to time.Time) error {
	return s.Update(ctx, func(tx *Tx) error {
		for _, j := range jobs {
			if _, err := tx.Exec("UPDATE schedule SET claimed_until = 0, claimed_by = '', next_at = ? WHERE target = ? AND claim = ?", milli(to), j.ID, j.claim); err != nil {
				return err
			}
		}
		return nil
	})
}

// NextDue is when the next target is due that nobody has claimed, or whose claim
// ends; zero when nothing is scheduled.
func (s *Store) NextDue(ctx context.Context) (at time.Time, err error) {
	err = s.View(ctx, func(tx *Tx) error {
		var next, freed int64
		if _, err := tx.one("SELECT COALESCE(MIN(next_at), 0) FROM schedule WHERE claimed_until = 0", nil, &next); err != nil {
			return err
		}
		if _, err := tx.one("SELECT COALESCE(MIN(claimed_until), 0) FROM schedule WHERE claimed_until > 0", nil, &freed); err != nil {
			return err
		}
		if at = moment(next); freed != 0 && (next == 0 || freed < next) {
			at = moment(freed)
		}
		return nil
	})
	return at, err
}

// CheckNow makes a target due at once. It is checked even if somebody has claimed
// it for a check that began before.
func (s *Store) CheckNow(ctx context.Context, id int64, now time.Time) error {
	return s.Update(ctx, func(tx *Tx) error {
		n, err := tx.Exec("UPDATE schedule SET next_at = ? WHERE target = ?", milli(now), id)
		if err == nil && n == 0 {
			err = ErrNotFound
		}
		return err
	})
}
