package engine

import (
	"path"
	"runtime"
	"strconv"
	"strings"
)

// module begins the names of our functions, wherever the source lies: in a
// checkout or in the module cache, with or without -trimpath.
const module = "github.com/assaytls/assay"

// maxFrames bounds the frames that are looked at, of a deep recursion too.
const maxFrames = 256

// panicSite returns where the panic that is being recovered from was raised: the
// package, file and line of the first function of ours below it, as in
// "crl/parse.go:12". It is called while deferred functions run.
func panicSite() string {
	pcs := make([]uintptr, maxFrames)
	pcs = pcs[:runtime.Callers(1, pcs)]
	frames := runtime.CallersFrames(pcs)
	for panicked := false; ; {
		f, more := frames.Next()
		if panicked {
			if site := siteOf(f); site != "" {
				return site
			}
		}
		panicked = panicked || f.Function == "runtime.gopanic" // above it stand the deferred functions
		if !more {
			return "unknown"
		}
	}
}

// siteOf names a frame of ours by its function's package, "" any other.
func siteOf(f runtime.Frame) string {
	rest, ours := strings.CutPrefix(f.Function, module)
	if !ours || rest == "" || rest[0] != '/' && rest[0] != '.' {
		return ""
	}
	slash := strings.LastIndexByte(rest, '/') + 1
	dir, _, _ := strings.Cut(rest[slash:], ".")
	dir = strings.TrimPrefix(rest[:slash]+dir, "/")
	return path.Join(dir, path.Base(f.File)) + ":" + strconv.Itoa(f.Line)
}
