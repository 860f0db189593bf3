package alert

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/assaytls/assay/fleet/watch"
)

// maxOpen bounds the alerts that are looked through for one target.
const maxOpen = 1000

// Of returns the alerts that go on and that a target is part of, the newest first:
// those about it alone, and those of a cause that it suffers from, where the rule is about
// its group.
func (m *Manager) Of(ctx context.Context, t watch.Target, causes map[string]bool) (list []Alert, err error) {
	groups := map[string][]string{}
	for _, r := range m.using().Rules {
		groups[r.Name] = r.Groups
	}
	err = m.Store.View(ctx, func(tx *watch.Tx) error {
		list = nil
		open, err := alerts(tx, "ended = 0", nil, maxOpen)
		for _, a := range open {
			own := strings.HasSuffix(a.Key, "\x1ftarget:"+strconv.FormatInt(t.ID, 10))
			shared := a.Cause != "" && causes[a.Cause]
			// An alert lists the names of all its targets when they are few.
			named := a.Targets > len(a.Names) || slices.Contains(a.Names, t.Name)
			in := groups[a.Rule]
			if own || shared && named && (len(in) == 0 || slices.Contains(in, t.Group)) {
				list = append(list, a)
			}
		}
		return err
	})
	return list, err
}
