import { mount } from '../design/mount.tsx'
import { Shell } from '../design/surfaces.tsx'

mount(
  <Shell title="Wallet">
    <p class="notice">This page is being built.</p>
  </Shell>,
)
