package command

import (
	"runtime/debug"
	"testing"
)

// The commit and its date are named where the build knows them.
func TestCommit(t *testing.T) {
	info := &debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.time", Value: "2026-11-28T01:02:03Z"}, {Key: "vcs.modified", Value: "true"}}}
	if got, want := commit(info), " commit 0123456789ab with changes of 2026-11-28 01:02:03 UTC"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := commit(&debug.BuildInfo{Settings: info.Settings[1:]}); got != "" {
		t.Errorf("without a commit: %q", got)
	}
}
