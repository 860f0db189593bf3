package cli

import (
	"slices"

	"github.com/assaytls/assay/internal/render"
)

// nagios reports whether a command line asks for the format of monitoring plugins.
// It is read before the flags are, since a plugin whose flags are wrong has to say
// so in the same form.
func nagios(args []string) bool {
	for i, s := range args {
		if s == "--format="+formatNagios || s == "--format" && slices.Contains(args[i+1:min(i+2, len(args))], formatNagios) {
			return len(args) > 0 && (args[0] == "check" || args[0] == "verify")
		}
		if s == "--" {
			break
		}
	}
	return false
}

// plugged ends a run of --format nagios: its line goes to standard output, where
// monitoring systems look, and the exit status is that of a plugin.
func (a *app) plugged(err error, interrupted bool) int {
	state, failed := render.NagiosUnknown, error(nil)
	switch {
	case err != nil:
		a.Complain(err)
		failed = render.NagiosFailed(a.Stdout, "error: "+err.Error())
	case interrupted:
		failed = render.NagiosFailed(a.Stdout, "interrupted before every target was checked")
	case len(a.plugin) == 0:
		return a.Status // --help
	default:
		state, failed = render.Nagios(a.Stdout, a.plugin)
	}
	if failed != nil {
		return render.NagiosUnknown
	}
	return state
}
