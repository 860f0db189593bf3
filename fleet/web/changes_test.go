package web

import (
	"fmt"
	"testing"
	"time"

	"github.com/assaytls/assay/fleet/watch"
)

// What one check brought is one line, by the verdict when that changed.
func TestRecentChanges(t *testing.T) {
	now := time.Now()
	event := func(id, target int64, age time.Duration, kind watch.EventKind) watch.Event {
		return watch.Event{ID: id, Target: target, Time: now.Add(-age), Kind: kind}
	}
	list, more := recentChanges([]watch.Event{
		event(9, 1, time.Minute, watch.Found), event(8, 1, time.Minute, watch.Key), event(7, 1, time.Minute, watch.Certificate), event(6, 1, time.Minute, watch.Verdict),
		event(5, 2, time.Minute, watch.Issuer), event(4, 1, time.Hour, watch.Gone), event(3, 3, time.Hour, watch.Added), event(2, 3, 25*time.Hour, watch.Verdict),
	}, now)
	got := ""
	for _, c := range list {
		got += fmt.Sprint(c.ID, " ", c.Target, " ", c.Others, "; ")
	}
	if got != "6 1 3; 5 2 0; 4 1 0; " || more {
		t.Errorf("%s%v", got, more)
	}
	var many []watch.Event
	for i := range int64(overviewChanges + 1) {
		many = append(many, event(100-i, i, time.Minute, watch.Key))
	}
	if list, more = recentChanges(many, now); len(list) != overviewChanges || !more {
		t.Errorf("%d, %v", len(list), more)
	}
}
