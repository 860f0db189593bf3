//go:build dependencies

// Package fleet holds the modules that its packages are about to use, so that
// they stand in go.mod once.
package fleet

import (
	_ "github.com/chromedp/chromedp"
)
