// Package local plays files of folders of this machine.
//
// Every access goes through os.Root, so no name, link or race leaves the folder;
// what is not a regular file with a media name is not there.
//
// Imported by app. Imports providers.
package local

import "synctv/providers"

// Factory makes one instance per folder.
func Factory() providers.Factory { return providers.Factory{Kind: providers.KindLocal} }
