package command

import (
	"context"
	"errors"
	"fmt"

	"github.com/assaytls/assay/fleet/queue"
	"github.com/assaytls/assay/fleet/watch"
)

// openQueue joins the queue whose workers make the checks, where one is named.
func (s *service) openQueue(ctx context.Context) error {
	if s.flags.engine.url == "" {
		return nil
	}
	o, err := s.flags.engine.options()
	if err != nil {
		return err
	}
	o.Told = func(what string) { s.Warn(errors.New(what)) }
	if s.queue, err = queue.Open(ctx, o); err != nil {
		return engineError(err)
	}
	s.judges.Elsewhere = s.errand
	return nil
}

// errand has a worker answer.
func (s *service) errand(ctx context.Context, question []byte) ([]byte, error) {
	answer, err := s.queue.Errand(ctx, question)
	if errors.Is(err, queue.ErrAway) {
		return nil, fmt.Errorf("%w: %w", watch.ErrAway, err)
	}
	return answer, err
}
