// Package sink keeps the results of a scan: every target once, whatever is
// killed in between.
//
// A job's folder has, beside what other packages keep there:
//
//	results/part-00001.parquet       one row for each target, 1,000,000 rows a file
//	lines/part-00001.jsonl.zst       the same rows as JSON Lines
//	certificates/part-00001.parquet  every certificate once, by its SHA-256
//	evidence/                        what chosen rows were judged by
//	sink/                            the journal and the manifest
//
// A [Batch] that was added is in the journal when [Writer.Add] returns. The
// files above are made from it, and the manifest, which is replaced as a whole,
// says which of them count; what it does not name is made again from the journal.
// docs/scan.md describes the files.
package sink
