package library_test

import (
	"fmt"
	"slices"
	"testing"

	"synctv/app/library"
	"synctv/store"
)

func BenchmarkAddMedia(b *testing.B) {
	for _, n := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := newWorld(b, `{}`, map[string]string{"room.max_media": "100000"})
			items := films1(n)
			b.ReportAllocs()
			for b.Loop() {
				out, err := w.lib.AddMedia(b.Context(), w.ann, w.room, library.Batch{Items: items})
				if err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				ids := make([]string, 0, n)
				for _, m := range out.Media {
					ids = append(ids, m.Media.ID)
				}
				if _, err := w.lib.DeleteMedia(b.Context(), w.ann, w.room, ids, false); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}

func BenchmarkReorder(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := newWorld(b, `{}`, nil)
			if _, err := w.lib.AddMedia(b.Context(), w.ann, w.room, library.Batch{Items: films1(n)}); err != nil {
				b.Fatal(err)
			}
			var ids []string
			w.read(func(tx *store.Tx) (err error) { ids, err = tx.MediaIDs(b.Context(), w.room, w.root); return err })
			b.ReportAllocs()
			for b.Loop() {
				slices.Reverse(ids)
				if _, _, err := w.lib.Reorder(b.Context(), w.ann, w.room, w.root, library.Order{Order: ids}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
