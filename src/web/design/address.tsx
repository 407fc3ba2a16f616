/** A whole address in groups of four, for eyes to compare; what is copied or heard has no gaps. */
export function Address({ address }: { address: string }) {
  return (
    <span class="address address--grouped">
      {address.match(/^0x|.{1,4}/g)?.map((group, place) => (
        <span class="address__group" key={place}>
          {group}
        </span>
      ))}
    </span>
  )
}
