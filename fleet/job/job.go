// Package job is a scan on the disk: the list of its targets, the order in which
// they are probed, what is done, and the manifest that says by which rules.
//
// The list is the truth. It is read once, as a stream, and kept in the job's
// folder with an index of offsets, so that every line can be found again without
// holding the list in memory; batch k of a job is a function of that list, its seed
// and its batch size, and of nothing that a queue remembers.
package job

// The files of a job's folder that this package writes.
const (
	ManifestFile = "manifest.json"
	TargetsFile  = "targets.txt"   // one target a line, in the order of the list, each once
	IndexFile    = "targets.idx"   // where the lines begin
	BadFile      = "bad-lines.txt" // lines of the list that are no targets, with the reason
	ExcludeFile  = "exclude.txt"   // what must not be probed, as it was given
)

// The bounds of a list.
const (
	MaxLine    = 480     // octets of a line; a host name has 253 at most
	MaxTargets = 1 << 31 // of a job
	MaxExpand  = 1 << 24 // addresses that one line with a prefix may stand for
	MaxPorts   = 64      // of one list
	MaxBatch   = 1000    // targets in a batch
)
