// Package browser looks at everything that assay shows in HTML in a real browser: the
// pages of assay serve, the report of one check, the results of a scan. It has tests
// alone.
//
// The browser is Debian's Chromium; axe-core, whose file ASSAY_AXE names, looks for what
// keeps people out. Both are installed by the full run of .ci/run; without them the
// tests are skipped. ASSAY_ARTEFACTS=DIR keeps a picture of every page there.
package browser
