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

// A release is named by its tag, other builds by the commit.
func TestVersionOfBuild(t *testing.T) {
	vcs := []debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef"}}
	for _, c := range []struct {
		main     string
		settings []debug.BuildSetting
		want     string
	}{
		{"v0.3.0", vcs, "0.3.0"},
		{"v0.3.0", nil, "0.3.0"},
		{"v0.4.0-rc.1", vcs, "0.4.0-rc.1"},
		{"v0.3.0+dirty", vcs, next},
		{"v0.3.1-0.20261128010203-0123456789ab", vcs, next},
		{"v0.3.1-0.20261128010203-0123456789ab", nil, "0.3.1-0.20261128010203-0123456789ab"},
		{"(devel)", nil, next},
		{"", nil, next},
	} {
		if got := version(&debug.BuildInfo{Main: debug.Module{Version: c.main}, Settings: c.settings}); got != c.want {
			t.Errorf("%q with %d settings: %q, want %q", c.main, len(c.settings), got, c.want)
		}
	}
}

// Programs of one commit belong together, and so do those of one release, whose modules are tagged at two commits.
func TestTogether(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"0.1", "0.1", true}, // no build of it knows a commit
		{"0.1 commit aaaaaaaaaaaa of then", "0.1 commit aaaaaaaaaaaa of then", true},
		{"0.1 commit aaaaaaaaaaaa of then", "0.1 commit bbbbbbbbbbbb of then", false},
		{"0.1 commit aaaaaaaaaaaa of then", "0.1 commit aaaaaaaaaaaa with changes of then", false},
		{"0.1 commit aaaaaaaaaaaa of then", "0.1", false},
		{"0.3.0 commit aaaaaaaaaaaa of then", "0.3.0 commit bbbbbbbbbbbb of then", true},
		{"0.3.0 commit aaaaaaaaaaaa of then", "0.3.0", true},
		{"0.3.0 commit aaaaaaaaaaaa of then", "0.3.1 commit bbbbbbbbbbbb of then", false},
		{"0.3.0 commit aaaaaaaaaaaa of then", "0.1 commit aaaaaaaaaaaa of then", true}, // assay-fleet from the tag of the root
		{"0.3.0", "0.4.0", false},
	} {
		if together(c.a, c.b) != c.want || together(c.b, c.a) != c.want {
			t.Errorf("%q and %q: want %v", c.a, c.b, c.want)
		}
	}
}
